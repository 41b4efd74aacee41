SELECT
    COUNT(DISTINCT cs_order_number) AS orders,
    SUM(cs_ext_ship_cost) AS shipping_cost,
    SUM(cs_net_profit) AS profit
FROM catalog_sales AS mine
JOIN date_dim ON d_date_sk = mine.cs_ship_date_sk
JOIN customer_address ON ca_address_sk = mine.cs_ship_addr_sk
JOIN call_center ON cc_call_center_sk = mine.cs_call_center_sk
WHERE d_date BETWEEN DATE '2002-04-01' AND DATE '2002-04-01' + INTERVAL '60' DAY
    AND ca_state = 'PA'
    AND cc_county IN ('Williamson County', 'Ziebach County', 'Walker County')
    AND EXISTS (
        SELECT 1 FROM catalog_sales AS other
        WHERE other.cs_order_number = mine.cs_order_number AND other.cs_warehouse_sk <> mine.cs_warehouse_sk
    )
    AND NOT EXISTS (SELECT 1 FROM catalog_returns WHERE cr_order_number = mine.cs_order_number)
ORDER BY COUNT(DISTINCT cs_order_number)
LIMIT 100;
