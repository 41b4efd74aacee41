WITH in_all_channels AS (
    SELECT i_item_sk AS item_key
    FROM item
    JOIN (
        SELECT i.i_brand_id AS brand_id, i.i_class_id AS class_id, i.i_category_id AS category_id
        FROM store_sales
        JOIN item AS i ON i.i_item_sk = ss_item_sk
        JOIN date_dim AS d ON d.d_date_sk = ss_sold_date_sk
        WHERE d.d_year BETWEEN 1998 AND 2000
        INTERSECT
        SELECT i.i_brand_id, i.i_class_id, i.i_category_id
        FROM catalog_sales
        JOIN item AS i ON i.i_item_sk = cs_item_sk
        JOIN date_dim AS d ON d.d_date_sk = cs_sold_date_sk
        WHERE d.d_year BETWEEN 1998 AND 2000
        INTERSECT
        SELECT i.i_brand_id, i.i_class_id, i.i_category_id
        FROM web_sales
        JOIN item AS i ON i.i_item_sk = ws_item_sk
        JOIN date_dim AS d ON d.d_date_sk = ws_sold_date_sk
        WHERE d.d_year BETWEEN 1998 AND 2000
    ) AS kinds ON kinds.brand_id = i_brand_id AND kinds.class_id = i_class_id AND kinds.category_id = i_category_id
),
mean AS (
    SELECT AVG(quantity * list_price) AS mean_sale
    FROM (
        SELECT ss_quantity AS quantity, ss_list_price AS list_price
        FROM store_sales JOIN date_dim ON d_date_sk = ss_sold_date_sk
        WHERE d_year BETWEEN 1998 AND 2000
        UNION ALL
        SELECT cs_quantity, cs_list_price
        FROM catalog_sales JOIN date_dim ON d_date_sk = cs_sold_date_sk
        WHERE d_year BETWEEN 1998 AND 2000
        UNION ALL
        SELECT ws_quantity, ws_list_price
        FROM web_sales JOIN date_dim ON d_date_sk = ws_sold_date_sk
        WHERE d_year BETWEEN 1998 AND 2000
    ) AS every_sale
)
SELECT channel, i_brand_id, i_class_id, i_category_id, SUM(sales) AS sales, SUM(number_sold) AS number_sold
FROM (
    SELECT
        'store' AS channel,
        i_brand_id,
        i_class_id,
        i_category_id,
        SUM(ss_quantity * ss_list_price) AS sales,
        COUNT(*) AS number_sold
    FROM store_sales
    JOIN item ON i_item_sk = ss_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE ss_item_sk IN (SELECT item_key FROM in_all_channels) AND d_year = 2000 AND d_moy = 11
    GROUP BY i_brand_id, i_class_id, i_category_id
    HAVING SUM(ss_quantity * ss_list_price) > (SELECT mean_sale FROM mean)
    UNION ALL
    SELECT 'catalog', i_brand_id, i_class_id, i_category_id, SUM(cs_quantity * cs_list_price), COUNT(*)
    FROM catalog_sales
    JOIN item ON i_item_sk = cs_item_sk
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE cs_item_sk IN (SELECT item_key FROM in_all_channels) AND d_year = 2000 AND d_moy = 11
    GROUP BY i_brand_id, i_class_id, i_category_id
    HAVING SUM(cs_quantity * cs_list_price) > (SELECT mean_sale FROM mean)
    UNION ALL
    SELECT 'web', i_brand_id, i_class_id, i_category_id, SUM(ws_quantity * ws_list_price), COUNT(*)
    FROM web_sales
    JOIN item ON i_item_sk = ws_item_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE ws_item_sk IN (SELECT item_key FROM in_all_channels) AND d_year = 2000 AND d_moy = 11
    GROUP BY i_brand_id, i_class_id, i_category_id
    HAVING SUM(ws_quantity * ws_list_price) > (SELECT mean_sale FROM mean)
) AS sold
GROUP BY ROLLUP (channel, i_brand_id, i_class_id, i_category_id)
ORDER BY channel, i_brand_id, i_class_id, i_category_id
LIMIT 100;
