WITH earning AS (
    SELECT ss_item_sk AS item_key, AVG(ss_net_profit) AS profit
    FROM store_sales
    WHERE ss_store_sk = 6
    GROUP BY ss_item_sk
    HAVING AVG(ss_net_profit) > 0.9 * (
        SELECT AVG(ss_net_profit) FROM store_sales WHERE ss_store_sk = 6 AND ss_hdemo_sk IS NULL GROUP BY ss_store_sk
    )
),
ascending AS (SELECT item_key, RANK() OVER (ORDER BY profit ASC) AS place FROM earning),
descending AS (SELECT item_key, RANK() OVER (ORDER BY profit DESC) AS place FROM earning)
SELECT ascending.place, worst.i_product_name AS worst_performing, best.i_product_name AS best_performing
FROM ascending
JOIN descending ON descending.place = ascending.place
JOIN item AS worst ON worst.i_item_sk = ascending.item_key
JOIN item AS best ON best.i_item_sk = descending.item_key
WHERE ascending.place < 11 AND descending.place < 11
ORDER BY ascending.place
LIMIT 100;
