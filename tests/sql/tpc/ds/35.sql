SELECT
    ca_state,
    cd_gender,
    cd_marital_status,
    cd_dep_count,
    COUNT(*) AS people,
    AVG(cd_dep_count) AS mean_dependents,
    MAX(cd_dep_count) AS most_dependents,
    SUM(cd_dep_count) AS dependents,
    cd_dep_employed_count,
    AVG(cd_dep_employed_count) AS mean_employed,
    MAX(cd_dep_employed_count) AS most_employed,
    SUM(cd_dep_employed_count) AS employed,
    cd_dep_college_count,
    AVG(cd_dep_college_count) AS mean_college,
    MAX(cd_dep_college_count) AS most_college,
    SUM(cd_dep_college_count) AS college
FROM customer AS c
JOIN customer_address ON ca_address_sk = c.c_current_addr_sk
JOIN customer_demographics ON cd_demo_sk = c.c_current_cdemo_sk
WHERE EXISTS (
        SELECT 1 FROM store_sales, date_dim
        WHERE ss_customer_sk = c.c_customer_sk AND d_date_sk = ss_sold_date_sk AND d_year = 1999 AND d_qoy < 4
    )
    AND (
        EXISTS (
            SELECT 1 FROM web_sales, date_dim
            WHERE ws_bill_customer_sk = c.c_customer_sk AND d_date_sk = ws_sold_date_sk AND d_year = 1999 AND d_qoy < 4
        )
        OR EXISTS (
            SELECT 1 FROM catalog_sales, date_dim
            WHERE cs_ship_customer_sk = c.c_customer_sk AND d_date_sk = cs_sold_date_sk AND d_year = 1999 AND d_qoy < 4
        )
    )
GROUP BY ca_state, cd_gender, cd_marital_status, cd_dep_count, cd_dep_employed_count, cd_dep_college_count
ORDER BY ca_state, cd_gender, cd_marital_status, cd_dep_count, cd_dep_employed_count, cd_dep_college_count
LIMIT 100;
