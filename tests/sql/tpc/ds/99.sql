SELECT
    SUBSTRING(w_warehouse_name, 1, 20) AS warehouse,
    sm_type,
    cc_name,
    SUM(CASE WHEN cs_ship_date_sk - cs_sold_date_sk <= 30 THEN 1 ELSE 0 END) AS within_30_days,
    SUM(CASE WHEN cs_ship_date_sk - cs_sold_date_sk > 30 AND cs_ship_date_sk - cs_sold_date_sk <= 60 THEN 1 ELSE 0 END)
        AS within_60_days,
    SUM(CASE WHEN cs_ship_date_sk - cs_sold_date_sk > 60 AND cs_ship_date_sk - cs_sold_date_sk <= 90 THEN 1 ELSE 0 END)
        AS within_90_days,
    SUM(CASE WHEN cs_ship_date_sk - cs_sold_date_sk > 90 THEN 1 ELSE 0 END) AS later
FROM catalog_sales
JOIN warehouse ON w_warehouse_sk = cs_warehouse_sk
JOIN ship_mode ON sm_ship_mode_sk = cs_ship_mode_sk
JOIN call_center ON cc_call_center_sk = cs_call_center_sk
JOIN date_dim ON d_date_sk = cs_ship_date_sk
WHERE d_month_seq BETWEEN 1183 AND 1183 + 11
GROUP BY SUBSTRING(w_warehouse_name, 1, 20), sm_type, cc_name
ORDER BY SUBSTRING(w_warehouse_name, 1, 20), sm_type, cc_name
LIMIT 100;
