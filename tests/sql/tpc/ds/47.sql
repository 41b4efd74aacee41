WITH monthly AS (
    SELECT
        i_category,
        i_brand,
        s_store_name,
        s_company_name,
        d_year,
        d_moy,
        SUM(ss_sales_price) AS sales,
        AVG(SUM(ss_sales_price)) OVER (PARTITION BY i_category, i_brand, s_store_name, s_company_name, d_year) AS mean_sales,
        RANK() OVER (PARTITION BY i_category, i_brand, s_store_name, s_company_name ORDER BY d_year, d_moy) AS place
    FROM item
    JOIN store_sales ON ss_item_sk = i_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE d_year = 2000 OR (d_year = 1999 AND d_moy = 12) OR (d_year = 2001 AND d_moy = 1)
    GROUP BY i_category, i_brand, s_store_name, s_company_name, d_year, d_moy
),
neighbours AS (
    SELECT
        now.i_category,
        now.i_brand,
        now.s_store_name,
        now.s_company_name,
        now.d_year,
        now.d_moy,
        now.mean_sales,
        now.sales,
        earlier.sales AS previous_sales,
        later.sales AS next_sales
    FROM monthly AS now
    JOIN monthly AS earlier
        ON earlier.i_category = now.i_category
        AND earlier.i_brand = now.i_brand
        AND earlier.s_store_name = now.s_store_name
        AND earlier.s_company_name = now.s_company_name
        AND earlier.place + 1 = now.place
    JOIN monthly AS later
        ON later.i_category = now.i_category
        AND later.i_brand = now.i_brand
        AND later.s_store_name = now.s_store_name
        AND later.s_company_name = now.s_company_name
        AND later.place - 1 = now.place
)
SELECT *
FROM neighbours
WHERE d_year = 2000
    AND mean_sales > 0
    AND CASE WHEN mean_sales > 0 THEN ABS(sales - mean_sales) / mean_sales END > 0.1
ORDER BY sales - mean_sales, s_store_name
LIMIT 100;
