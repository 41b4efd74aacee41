SELECT i_brand_id AS brand_id, i_brand AS brand, SUM(ss_ext_sales_price) AS price
FROM date_dim
JOIN store_sales ON ss_sold_date_sk = d_date_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE i_manager_id = 13 AND d_moy = 11 AND d_year = 1999
GROUP BY i_brand, i_brand_id
ORDER BY price DESC, i_brand_id
LIMIT 100;
