WITH sold AS (
    SELECT ws_sold_date_sk AS day, ws_ext_sales_price AS price FROM web_sales
    UNION ALL
    SELECT cs_sold_date_sk, cs_ext_sales_price FROM catalog_sales
),
weekly AS (
    SELECT
        d_week_seq,
        SUM(CASE WHEN d_day_name = 'Sunday' THEN price END) AS sunday,
        SUM(CASE WHEN d_day_name = 'Monday' THEN price END) AS monday,
        SUM(CASE WHEN d_day_name = 'Tuesday' THEN price END) AS tuesday,
        SUM(CASE WHEN d_day_name = 'Wednesday' THEN price END) AS wednesday,
        SUM(CASE WHEN d_day_name = 'Thursday' THEN price END) AS thursday,
        SUM(CASE WHEN d_day_name = 'Friday' THEN price END) AS friday,
        SUM(CASE WHEN d_day_name = 'Saturday' THEN price END) AS saturday
    FROM sold
    JOIN date_dim ON d_date_sk = day
    GROUP BY d_week_seq
),
this_year AS (
    SELECT weekly.* FROM weekly JOIN date_dim ON date_dim.d_week_seq = weekly.d_week_seq WHERE d_year = 1999
),
next_year AS (
    SELECT weekly.* FROM weekly JOIN date_dim ON date_dim.d_week_seq = weekly.d_week_seq WHERE d_year = 1999 + 1
)
SELECT
    a.d_week_seq,
    ROUND(a.sunday / b.sunday, 2) AS sunday,
    ROUND(a.monday / b.monday, 2) AS monday,
    ROUND(a.tuesday / b.tuesday, 2) AS tuesday,
    ROUND(a.wednesday / b.wednesday, 2) AS wednesday,
    ROUND(a.thursday / b.thursday, 2) AS thursday,
    ROUND(a.friday / b.friday, 2) AS friday,
    ROUND(a.saturday / b.saturday, 2) AS saturday
FROM this_year AS a
JOIN next_year AS b ON a.d_week_seq = b.d_week_seq - 53
ORDER BY a.d_week_seq;
