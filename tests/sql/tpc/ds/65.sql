SELECT s_store_name, i_item_desc, sold.revenue, i_current_price, i_wholesale_cost, i_brand
FROM store
JOIN (
    SELECT store_key, AVG(revenue) AS mean_revenue
    FROM (
        SELECT ss_store_sk AS store_key, ss_item_sk AS item_key, SUM(ss_sales_price) AS revenue
        FROM store_sales
        JOIN date_dim ON d_date_sk = ss_sold_date_sk
        WHERE d_month_seq BETWEEN 1186 AND 1186 + 11
        GROUP BY ss_store_sk, ss_item_sk
    ) AS by_item
    GROUP BY store_key
) AS usual ON usual.store_key = s_store_sk
JOIN (
    SELECT ss_store_sk AS store_key, ss_item_sk AS item_key, SUM(ss_sales_price) AS revenue
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE d_month_seq BETWEEN 1186 AND 1186 + 11
    GROUP BY ss_store_sk, ss_item_sk
) AS sold ON sold.store_key = usual.store_key
JOIN item ON i_item_sk = sold.item_key
WHERE sold.revenue <= 0.1 * usual.mean_revenue
ORDER BY s_store_name, i_item_desc
LIMIT 100;
