SELECT d_year, i_category_id, i_category, SUM(ss_ext_sales_price) AS sales
FROM date_dim AS dt
JOIN store_sales ON ss_sold_date_sk = dt.d_date_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE i_manager_id = 1 AND dt.d_moy = 11 AND dt.d_year = 1998
GROUP BY dt.d_year, i_category_id, i_category
ORDER BY SUM(ss_ext_sales_price) DESC, dt.d_year, i_category_id, i_category
LIMIT 100;
