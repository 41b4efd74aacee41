WITH monthly AS (
    SELECT
        i_category,
        i_brand,
        cc_name,
        d_year,
        d_moy,
        SUM(cs_sales_price) AS sales,
        AVG(SUM(cs_sales_price)) OVER (PARTITION BY i_category, i_brand, cc_name, d_year) AS mean_sales,
        RANK() OVER (PARTITION BY i_category, i_brand, cc_name ORDER BY d_year, d_moy) AS place
    FROM item, catalog_sales, date_dim, call_center
    WHERE cs_item_sk = i_item_sk
        AND cs_sold_date_sk = d_date_sk
        AND cc_call_center_sk = cs_call_center_sk
        AND (d_year = 2001 OR (d_year = 2000 AND d_moy = 12) OR (d_year = 2002 AND d_moy = 1))
    GROUP BY i_category, i_brand, cc_name, d_year, d_moy
),
neighbours AS (
    SELECT
        now.i_category,
        now.i_brand,
        now.d_year,
        now.mean_sales,
        now.sales,
        earlier.sales AS previous_sales,
        later.sales AS next_sales
    FROM monthly AS now, monthly AS earlier, monthly AS later
    WHERE now.i_category = earlier.i_category
        AND now.i_category = later.i_category
        AND now.i_brand = earlier.i_brand
        AND now.i_brand = later.i_brand
        AND now.cc_name = earlier.cc_name
        AND now.cc_name = later.cc_name
        AND now.place = earlier.place + 1
        AND now.place = later.place - 1
)
SELECT *
FROM neighbours
WHERE d_year = 2001 AND mean_sales > 0 AND ABS(sales - mean_sales) / mean_sales > 0.1
ORDER BY sales - mean_sales, mean_sales
LIMIT 100;
