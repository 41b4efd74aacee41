WITH split_orders AS (
    SELECT ws1.ws_order_number, ws1.ws_warehouse_sk AS first_warehouse, ws2.ws_warehouse_sk AS second_warehouse
    FROM web_sales AS ws1
    JOIN web_sales AS ws2 ON ws2.ws_order_number = ws1.ws_order_number AND ws2.ws_warehouse_sk <> ws1.ws_warehouse_sk
)
SELECT
    COUNT(DISTINCT ws_order_number) AS orders,
    SUM(ws_ext_ship_cost) AS shipping_cost,
    SUM(ws_net_profit) AS profit
FROM web_sales
JOIN date_dim ON d_date_sk = ws_ship_date_sk
JOIN customer_address ON ca_address_sk = ws_ship_addr_sk
JOIN web_site ON web_site_sk = ws_web_site_sk
WHERE d_date BETWEEN DATE '2001-04-01' AND DATE '2001-04-01' + INTERVAL '60' DAY
    AND ca_state = 'VA'
    AND web_company_name = 'pri'
    AND ws_order_number IN (SELECT ws_order_number FROM split_orders)
    AND ws_order_number IN (
        SELECT wr_order_number FROM web_returns JOIN split_orders ON split_orders.ws_order_number = wr_order_number
    )
ORDER BY COUNT(DISTINCT ws_order_number)
LIMIT 100;
