SELECT promotions, total, CAST(promotions AS DECIMAL(15, 4)) / CAST(total AS DECIMAL(15, 4)) * 100 AS promoted_share
FROM (
    SELECT SUM(ss_ext_sales_price) AS promotions
    FROM store_sales
    JOIN store ON s_store_sk = ss_store_sk
    JOIN promotion ON p_promo_sk = ss_promo_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN customer ON c_customer_sk = ss_customer_sk
    JOIN customer_address ON ca_address_sk = c_current_addr_sk
    JOIN item ON i_item_sk = ss_item_sk
    WHERE ca_gmt_offset = -7
        AND i_category = 'Books'
        AND (p_channel_dmail = 'Y' OR p_channel_email = 'Y' OR p_channel_tv = 'Y')
        AND s_gmt_offset = -7
        AND d_year = 1999
        AND d_moy = 11
) AS promoted
CROSS JOIN (
    SELECT SUM(ss_ext_sales_price) AS total
    FROM store_sales
    JOIN store ON s_store_sk = ss_store_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN customer ON c_customer_sk = ss_customer_sk
    JOIN customer_address ON ca_address_sk = c_current_addr_sk
    JOIN item ON i_item_sk = ss_item_sk
    WHERE ca_gmt_offset = -7 AND i_category = 'Books' AND s_gmt_offset = -7 AND d_year = 1999 AND d_moy = 11
) AS every_sale
ORDER BY promotions, total
LIMIT 100;
