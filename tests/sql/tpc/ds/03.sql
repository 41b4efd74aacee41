SELECT d_year, i_brand_id AS brand_id, i_brand AS brand, SUM(ss_net_profit) AS profit
FROM store_sales
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE i_manufact_id = 445 AND d_moy = 12
GROUP BY d_year, i_brand_id, i_brand
ORDER BY d_year, profit DESC, brand_id
LIMIT 100;
