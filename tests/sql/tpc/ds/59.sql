WITH weekly AS (
    SELECT
        d_week_seq,
        ss_store_sk,
        SUM(CASE WHEN d_day_name = 'Sunday' THEN ss_sales_price END) AS sunday,
        SUM(CASE WHEN d_day_name = 'Monday' THEN ss_sales_price END) AS monday,
        SUM(CASE WHEN d_day_name = 'Tuesday' THEN ss_sales_price END) AS tuesday,
        SUM(CASE WHEN d_day_name = 'Wednesday' THEN ss_sales_price END) AS wednesday,
        SUM(CASE WHEN d_day_name = 'Thursday' THEN ss_sales_price END) AS thursday,
        SUM(CASE WHEN d_day_name = 'Friday' THEN ss_sales_price END) AS friday,
        SUM(CASE WHEN d_day_name = 'Saturday' THEN ss_sales_price END) AS saturday
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    GROUP BY d_week_seq, ss_store_sk
)
SELECT
    y.s_store_name,
    y.s_store_id,
    y.week,
    y.sunday / x.sunday AS sunday,
    y.monday / x.monday AS monday,
    y.tuesday / x.tuesday AS tuesday,
    y.wednesday / x.wednesday AS wednesday,
    y.thursday / x.thursday AS thursday,
    y.friday / x.friday AS friday,
    y.saturday / x.saturday AS saturday
FROM (
    SELECT s_store_name, s_store_id, weekly.d_week_seq AS week, sunday, monday, tuesday, wednesday, thursday, friday, saturday
    FROM weekly
    JOIN store ON s_store_sk = weekly.ss_store_sk
    JOIN date_dim AS d ON d.d_week_seq = weekly.d_week_seq
    WHERE d.d_month_seq BETWEEN 1205 AND 1205 + 11
) AS y
JOIN (
    SELECT s_store_id, weekly.d_week_seq AS week, sunday, monday, tuesday, wednesday, thursday, friday, saturday
    FROM weekly
    JOIN store ON s_store_sk = weekly.ss_store_sk
    JOIN date_dim AS d ON d.d_week_seq = weekly.d_week_seq
    WHERE d.d_month_seq BETWEEN 1205 + 12 AND 1205 + 23
) AS x ON x.s_store_id = y.s_store_id AND x.week - 52 = y.week
ORDER BY y.s_store_name, y.s_store_id, y.week
LIMIT 100;
