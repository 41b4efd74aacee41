SELECT c_last_name, c_first_name, home.ca_city AS lives_in, bought_city, ticket, coupons, profit
FROM (
    SELECT
        ss_ticket_number AS ticket,
        ss_customer_sk AS customer_key,
        ca_city AS bought_city,
        SUM(ss_coupon_amt) AS coupons,
        SUM(ss_net_profit) AS profit
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN store ON s_store_sk = ss_store_sk
    JOIN household_demographics ON hd_demo_sk = ss_hdemo_sk
    JOIN customer_address ON ca_address_sk = ss_addr_sk
    WHERE (hd_dep_count = 8 OR hd_vehicle_count = 0)
        AND d_dow IN (6, 0)
        AND d_year IN (2000, 2001, 2002)
        AND s_city IN ('Midway', 'Fairview', 'Oak Grove')
    GROUP BY ss_ticket_number, ss_customer_sk, ss_addr_sk, ca_city
) AS baskets
JOIN customer ON c_customer_sk = customer_key
JOIN customer_address AS home ON home.ca_address_sk = c_current_addr_sk
WHERE home.ca_city <> bought_city
ORDER BY c_last_name, c_first_name, lives_in, bought_city, ticket
LIMIT 100;
