SELECT SUM(cs_ext_discount_amt) AS excess_discount
FROM catalog_sales
JOIN item ON i_item_sk = cs_item_sk
JOIN date_dim ON d_date_sk = cs_sold_date_sk
WHERE i_manufact_id = 722
    AND d_date BETWEEN DATE '2001-03-09' AND DATE '2001-03-09' + INTERVAL '90' DAY
    AND cs_ext_discount_amt > (
        SELECT 1.3 * AVG(like_it.cs_ext_discount_amt)
        FROM catalog_sales AS like_it
        JOIN date_dim AS day ON day.d_date_sk = like_it.cs_sold_date_sk
        WHERE like_it.cs_item_sk = i_item_sk
            AND day.d_date BETWEEN DATE '2001-03-09' AND DATE '2001-03-09' + INTERVAL '90' DAY
    )
LIMIT 100;
