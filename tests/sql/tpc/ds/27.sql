SELECT
    i_item_id,
    s_state,
    GROUPING(s_state) AS all_states,
    AVG(ss_quantity) AS quantity,
    AVG(ss_list_price) AS list_price,
    AVG(ss_coupon_amt) AS coupons,
    AVG(ss_sales_price) AS sales_price
FROM store_sales
JOIN customer_demographics ON cd_demo_sk = ss_cdemo_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE cd_gender = 'M'
    AND cd_marital_status = 'U'
    AND cd_education_status = 'Advanced Degree'
    AND d_year = 2000
    AND s_state IN ('TN', 'SD', 'AL', 'MI', 'OH', 'GA')
GROUP BY ROLLUP (i_item_id, s_state)
ORDER BY i_item_id, s_state
LIMIT 100;
