SELECT warehouse, item_id, before_change, after_change
FROM (
    SELECT
        w_warehouse_name AS warehouse,
        i_item_id AS item_id,
        SUM(CASE WHEN d_date < DATE '1999-06-22' THEN inv_quantity_on_hand ELSE 0 END) AS before_change,
        SUM(CASE WHEN d_date >= DATE '1999-06-22' THEN inv_quantity_on_hand ELSE 0 END) AS after_change
    FROM inventory
    JOIN warehouse ON w_warehouse_sk = inv_warehouse_sk
    JOIN item ON i_item_sk = inv_item_sk
    JOIN date_dim ON d_date_sk = inv_date_sk
    WHERE i_current_price BETWEEN 0.99 AND 1.49
        AND d_date BETWEEN DATE '1999-06-22' - INTERVAL '30' DAY AND DATE '1999-06-22' + INTERVAL '30' DAY
    GROUP BY w_warehouse_name, i_item_id
) AS held
WHERE CASE WHEN before_change > 0 THEN after_change / before_change END BETWEEN 2.0 / 3.0 AND 3.0 / 2.0
ORDER BY warehouse, item_id
LIMIT 100;
