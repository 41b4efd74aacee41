SELECT
    i_item_id,
    ca_country,
    ca_state,
    ca_county,
    AVG(CAST(cs_quantity AS DECIMAL(12, 2))) AS quantity,
    AVG(CAST(cs_list_price AS DECIMAL(12, 2))) AS list_price,
    AVG(CAST(cs_coupon_amt AS DECIMAL(12, 2))) AS coupons,
    AVG(CAST(cs_sales_price AS DECIMAL(12, 2))) AS sales_price,
    AVG(CAST(cs_net_profit AS DECIMAL(12, 2))) AS profit,
    AVG(CAST(c_birth_year AS DECIMAL(12, 2))) AS born,
    AVG(CAST(payer.cd_dep_count AS DECIMAL(12, 2))) AS dependents
FROM catalog_sales
JOIN customer_demographics AS payer ON payer.cd_demo_sk = cs_bill_cdemo_sk
JOIN customer ON c_customer_sk = cs_bill_customer_sk
JOIN customer_demographics AS current_one ON current_one.cd_demo_sk = c_current_cdemo_sk
JOIN customer_address ON ca_address_sk = c_current_addr_sk
JOIN date_dim ON d_date_sk = cs_sold_date_sk
JOIN item ON i_item_sk = cs_item_sk
WHERE payer.cd_gender = 'M'
    AND payer.cd_education_status = 'College'
    AND c_birth_month IN (9, 5, 12, 4, 1, 10)
    AND d_year = 2001
    AND ca_state IN ('ND', 'WI', 'AL', 'NC', 'OK', 'MS', 'TN')
GROUP BY ROLLUP (i_item_id, ca_country, ca_state, ca_county)
ORDER BY ca_country, ca_state, ca_county, i_item_id
LIMIT 100;
