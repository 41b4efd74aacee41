SELECT
    s_store_name,
    s_company_id,
    s_street_number,
    s_street_name,
    s_city,
    s_state,
    s_zip,
    SUM(CASE WHEN sr_returned_date_sk - ss_sold_date_sk <= 30 THEN 1 ELSE 0 END) AS within_30_days,
    SUM(CASE WHEN sr_returned_date_sk - ss_sold_date_sk BETWEEN 31 AND 60 THEN 1 ELSE 0 END) AS within_60_days,
    SUM(CASE WHEN sr_returned_date_sk - ss_sold_date_sk BETWEEN 61 AND 90 THEN 1 ELSE 0 END) AS within_90_days,
    SUM(CASE WHEN sr_returned_date_sk - ss_sold_date_sk BETWEEN 91 AND 120 THEN 1 ELSE 0 END) AS within_120_days,
    SUM(CASE WHEN sr_returned_date_sk - ss_sold_date_sk > 120 THEN 1 ELSE 0 END) AS later
FROM store_sales
JOIN store_returns
    ON sr_ticket_number = ss_ticket_number AND sr_item_sk = ss_item_sk AND sr_customer_sk = ss_customer_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN date_dim AS sold ON sold.d_date_sk = ss_sold_date_sk
JOIN date_dim AS returned ON returned.d_date_sk = sr_returned_date_sk
WHERE returned.d_year = 1998 AND returned.d_moy = 9
GROUP BY s_store_name, s_company_id, s_street_number, s_street_name, s_city, s_state, s_zip
ORDER BY s_store_name, s_company_id, s_street_number, s_street_name, s_city, s_state, s_zip
LIMIT 100;
