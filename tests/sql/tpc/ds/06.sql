SELECT ca_state AS state, COUNT(*) AS buyers
FROM customer_address
JOIN customer ON c_current_addr_sk = ca_address_sk
JOIN store_sales ON ss_customer_sk = c_customer_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN item AS dear ON dear.i_item_sk = ss_item_sk
WHERE d_month_seq = (SELECT DISTINCT d_month_seq FROM date_dim WHERE d_year = 2002 AND d_moy = 3)
    AND dear.i_current_price > 1.2 * (
        SELECT AVG(alike.i_current_price) FROM item AS alike WHERE alike.i_category = dear.i_category
    )
GROUP BY ca_state
HAVING COUNT(*) >= 10
ORDER BY buyers, state
LIMIT 100;
