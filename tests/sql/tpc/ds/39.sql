WITH unsteady AS (
    SELECT
        w_warehouse_sk,
        i_item_sk,
        d_moy,
        mean,
        deviation,
        CASE mean WHEN 0 THEN NULL ELSE deviation / mean END AS variation
    FROM (
        SELECT
            w_warehouse_name,
            w_warehouse_sk,
            i_item_sk,
            d_moy,
            STDDEV_SAMP(inv_quantity_on_hand) AS deviation,
            AVG(inv_quantity_on_hand) AS mean
        FROM inventory
        JOIN item ON i_item_sk = inv_item_sk
        JOIN warehouse ON w_warehouse_sk = inv_warehouse_sk
        JOIN date_dim ON d_date_sk = inv_date_sk
        WHERE d_year = 2000
        GROUP BY w_warehouse_name, w_warehouse_sk, i_item_sk, d_moy
    ) AS monthly
    WHERE CASE mean WHEN 0 THEN 0 ELSE deviation / mean END > 1
)
SELECT
    one.w_warehouse_sk,
    one.i_item_sk,
    one.d_moy,
    one.mean,
    one.variation,
    two.w_warehouse_sk AS next_warehouse,
    two.i_item_sk AS next_item,
    two.d_moy AS next_month,
    two.mean AS next_mean,
    two.variation AS next_variation
FROM unsteady AS one
JOIN unsteady AS two ON two.i_item_sk = one.i_item_sk AND two.w_warehouse_sk = one.w_warehouse_sk
WHERE one.d_moy = 2 AND two.d_moy = 2 + 1
ORDER BY one.w_warehouse_sk, one.i_item_sk, one.d_moy, one.mean, one.variation, next_month, next_mean, next_variation;
