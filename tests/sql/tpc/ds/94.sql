SELECT
    COUNT(DISTINCT ws1.ws_order_number) AS orders,
    SUM(ws1.ws_ext_ship_cost) AS shipping_cost,
    SUM(ws1.ws_net_profit) AS profit
FROM web_sales AS ws1
JOIN date_dim ON d_date_sk = ws1.ws_ship_date_sk
JOIN customer_address ON ca_address_sk = ws1.ws_ship_addr_sk
JOIN web_site ON web_site_sk = ws1.ws_web_site_sk
WHERE d_date BETWEEN DATE '1999-05-01' AND DATE '1999-05-01' + INTERVAL '60' DAY
    AND ca_state = 'TX'
    AND web_company_name = 'pri'
    AND EXISTS (
        SELECT *
        FROM web_sales AS ws2
        WHERE ws2.ws_order_number = ws1.ws_order_number AND ws2.ws_warehouse_sk <> ws1.ws_warehouse_sk
    )
    AND NOT EXISTS (SELECT * FROM web_returns AS wr1 WHERE wr1.wr_order_number = ws1.ws_order_number)
ORDER BY COUNT(DISTINCT ws1.ws_order_number)
LIMIT 100;
