SELECT
    w_warehouse_name,
    w_warehouse_sq_ft,
    w_city,
    w_county,
    w_state,
    w_country,
    carriers,
    year,
    SUM(jan_sales) AS jan_sales,
    SUM(feb_sales) AS feb_sales,
    SUM(mar_sales) AS mar_sales,
    SUM(jan_sales / w_warehouse_sq_ft) AS jan_sales_per_foot,
    SUM(feb_sales / w_warehouse_sq_ft) AS feb_sales_per_foot,
    SUM(mar_sales / w_warehouse_sq_ft) AS mar_sales_per_foot,
    SUM(jan_net) AS jan_net,
    SUM(feb_net) AS feb_net,
    SUM(mar_net) AS mar_net
FROM (
    SELECT
        w_warehouse_name,
        w_warehouse_sq_ft,
        w_city,
        w_county,
        w_state,
        w_country,
        'ORIENTAL' || ',' || 'BOXBUNDLES' AS carriers,
        d_year AS year,
        SUM(CASE WHEN d_moy = 1 THEN ws_ext_sales_price * ws_quantity ELSE 0 END) AS jan_sales,
        SUM(CASE WHEN d_moy = 2 THEN ws_ext_sales_price * ws_quantity ELSE 0 END) AS feb_sales,
        SUM(CASE WHEN d_moy = 3 THEN ws_ext_sales_price * ws_quantity ELSE 0 END) AS mar_sales,
        SUM(CASE WHEN d_moy = 1 THEN ws_net_paid * ws_quantity ELSE 0 END) AS jan_net,
        SUM(CASE WHEN d_moy = 2 THEN ws_net_paid * ws_quantity ELSE 0 END) AS feb_net,
        SUM(CASE WHEN d_moy = 3 THEN ws_net_paid * ws_quantity ELSE 0 END) AS mar_net
    FROM web_sales
    JOIN warehouse ON w_warehouse_sk = ws_warehouse_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    JOIN time_dim ON t_time_sk = ws_sold_time_sk
    JOIN ship_mode ON sm_ship_mode_sk = ws_ship_mode_sk
    WHERE d_year = 2001 AND t_time BETWEEN 42970 AND 42970 + 28800 AND sm_carrier IN ('ORIENTAL', 'BOXBUNDLES')
    GROUP BY w_warehouse_name, w_warehouse_sq_ft, w_city, w_county, w_state, w_country, d_year
    UNION ALL
    SELECT
        w_warehouse_name,
        w_warehouse_sq_ft,
        w_city,
        w_county,
        w_state,
        w_country,
        'ORIENTAL' || ',' || 'BOXBUNDLES',
        d_year,
        SUM(CASE WHEN d_moy = 1 THEN cs_ext_list_price * cs_quantity ELSE 0 END),
        SUM(CASE WHEN d_moy = 2 THEN cs_ext_list_price * cs_quantity ELSE 0 END),
        SUM(CASE WHEN d_moy = 3 THEN cs_ext_list_price * cs_quantity ELSE 0 END),
        SUM(CASE WHEN d_moy = 1 THEN cs_net_paid_inc_ship * cs_quantity ELSE 0 END),
        SUM(CASE WHEN d_moy = 2 THEN cs_net_paid_inc_ship * cs_quantity ELSE 0 END),
        SUM(CASE WHEN d_moy = 3 THEN cs_net_paid_inc_ship * cs_quantity ELSE 0 END)
    FROM catalog_sales
    JOIN warehouse ON w_warehouse_sk = cs_warehouse_sk
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    JOIN time_dim ON t_time_sk = cs_sold_time_sk
    JOIN ship_mode ON sm_ship_mode_sk = cs_ship_mode_sk
    WHERE d_year = 2001 AND t_time BETWEEN 42970 AND 42970 + 28800 AND sm_carrier IN ('ORIENTAL', 'BOXBUNDLES')
    GROUP BY w_warehouse_name, w_warehouse_sq_ft, w_city, w_county, w_state, w_country, d_year
) AS shipped
GROUP BY w_warehouse_name, w_warehouse_sq_ft, w_city, w_county, w_state, w_country, carriers, year
ORDER BY w_warehouse_name
LIMIT 100;
