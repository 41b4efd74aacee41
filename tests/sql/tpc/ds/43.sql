SELECT
    s_store_name,
    s_store_id,
    SUM(CASE WHEN d_day_name = 'Sunday' THEN ss_sales_price END) AS sunday,
    SUM(CASE WHEN d_day_name = 'Monday' THEN ss_sales_price END) AS monday,
    SUM(CASE WHEN d_day_name = 'Tuesday' THEN ss_sales_price END) AS tuesday,
    SUM(CASE WHEN d_day_name = 'Wednesday' THEN ss_sales_price END) AS wednesday,
    SUM(CASE WHEN d_day_name = 'Thursday' THEN ss_sales_price END) AS thursday,
    SUM(CASE WHEN d_day_name = 'Friday' THEN ss_sales_price END) AS friday,
    SUM(CASE WHEN d_day_name = 'Saturday' THEN ss_sales_price END) AS saturday
FROM date_dim
JOIN store_sales ON ss_sold_date_sk = d_date_sk
JOIN store ON s_store_sk = ss_store_sk
WHERE s_gmt_offset = -5 AND d_year = 2000
GROUP BY s_store_name, s_store_id
ORDER BY s_store_name, s_store_id, sunday, monday, tuesday, wednesday, thursday, friday, saturday
LIMIT 100;
