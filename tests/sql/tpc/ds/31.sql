WITH store_quarters AS (
    SELECT ca_county, d_qoy, d_year, SUM(ss_ext_sales_price) AS sales
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN customer_address ON ca_address_sk = ss_addr_sk
    GROUP BY ca_county, d_qoy, d_year
),
web_quarters AS (
    SELECT ca_county, d_qoy, d_year, SUM(ws_ext_sales_price) AS sales
    FROM web_sales
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    JOIN customer_address ON ca_address_sk = ws_bill_addr_sk
    GROUP BY ca_county, d_qoy, d_year
)
SELECT
    s1.ca_county,
    s1.d_year,
    w2.sales / w1.sales AS web_q1_q2,
    s2.sales / s1.sales AS store_q1_q2,
    w3.sales / w2.sales AS web_q2_q3,
    s3.sales / s2.sales AS store_q2_q3
FROM store_quarters AS s1
JOIN store_quarters AS s2 ON s2.ca_county = s1.ca_county AND s2.d_year = s1.d_year AND s2.d_qoy = 2
JOIN store_quarters AS s3 ON s3.ca_county = s1.ca_county AND s3.d_year = s1.d_year AND s3.d_qoy = 3
JOIN web_quarters AS w1 ON w1.ca_county = s1.ca_county AND w1.d_year = s1.d_year AND w1.d_qoy = 1
JOIN web_quarters AS w2 ON w2.ca_county = s1.ca_county AND w2.d_year = s1.d_year AND w2.d_qoy = 2
JOIN web_quarters AS w3 ON w3.ca_county = s1.ca_county AND w3.d_year = s1.d_year AND w3.d_qoy = 3
WHERE s1.d_qoy = 1
    AND s1.d_year = 1999
    AND CASE WHEN w1.sales > 0 THEN w2.sales / w1.sales END > CASE WHEN s1.sales > 0 THEN s2.sales / s1.sales END
    AND CASE WHEN w2.sales > 0 THEN w3.sales / w2.sales END > CASE WHEN s2.sales > 0 THEN s3.sales / s2.sales END
ORDER BY store_q1_q2;
