SELECT *
FROM (
    SELECT COUNT(*) AS half_past_eight
    FROM store_sales
    JOIN household_demographics ON hd_demo_sk = ss_hdemo_sk
    JOIN time_dim ON t_time_sk = ss_sold_time_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE t_hour = 8 AND t_minute >= 30
        AND ((hd_dep_count = 0 AND hd_vehicle_count <= 2) OR (hd_dep_count = -1 AND hd_vehicle_count <= 1))
        AND s_store_name = 'ese'
) AS s1
CROSS JOIN (
    SELECT COUNT(*) AS nine
    FROM store_sales
    JOIN household_demographics ON hd_demo_sk = ss_hdemo_sk
    JOIN time_dim ON t_time_sk = ss_sold_time_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE t_hour = 9 AND t_minute < 30
        AND ((hd_dep_count = 0 AND hd_vehicle_count <= 2) OR (hd_dep_count = -1 AND hd_vehicle_count <= 1))
        AND s_store_name = 'ese'
) AS s2
CROSS JOIN (
    SELECT COUNT(*) AS half_past_nine
    FROM store_sales
    JOIN household_demographics ON hd_demo_sk = ss_hdemo_sk
    JOIN time_dim ON t_time_sk = ss_sold_time_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE t_hour = 9 AND t_minute >= 30
        AND ((hd_dep_count = 0 AND hd_vehicle_count <= 2) OR (hd_dep_count = -1 AND hd_vehicle_count <= 1))
        AND s_store_name = 'ese'
) AS s3
CROSS JOIN (
    SELECT COUNT(*) AS ten
    FROM store_sales
    JOIN household_demographics ON hd_demo_sk = ss_hdemo_sk
    JOIN time_dim ON t_time_sk = ss_sold_time_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE t_hour = 10 AND t_minute < 30
        AND ((hd_dep_count = 0 AND hd_vehicle_count <= 2) OR (hd_dep_count = -1 AND hd_vehicle_count <= 1))
        AND s_store_name = 'ese'
) AS s4;
