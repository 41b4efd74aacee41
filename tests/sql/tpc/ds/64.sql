WITH refunded AS (
    SELECT
        cs_item_sk,
        SUM(cs_ext_list_price) AS sale,
        SUM(cr_refunded_cash + cr_reversed_charge + cr_store_credit) AS refund
    FROM catalog_sales
    JOIN catalog_returns ON cr_item_sk = cs_item_sk AND cr_order_number = cs_order_number
    GROUP BY cs_item_sk
    HAVING SUM(cs_ext_list_price) > 2 * SUM(cr_refunded_cash + cr_reversed_charge + cr_store_credit)
),
across AS (
    SELECT
        i_product_name AS product_name,
        i_item_sk AS item_key,
        s_store_name AS store_name,
        s_zip AS store_zip,
        ad1.ca_street_number AS bought_number,
        ad1.ca_street_name AS bought_street,
        ad1.ca_city AS bought_city,
        ad1.ca_zip AS bought_zip,
        ad2.ca_street_number AS home_number,
        ad2.ca_street_name AS home_street,
        ad2.ca_city AS home_city,
        ad2.ca_zip AS home_zip,
        d1.d_year AS sold_year,
        d2.d_year AS first_sale_year,
        d3.d_year AS first_shipment_year,
        COUNT(*) AS times,
        SUM(ss_wholesale_cost) AS cost,
        SUM(ss_list_price) AS price,
        SUM(ss_coupon_amt) AS coupons
    FROM store_sales
    JOIN store_returns ON sr_item_sk = ss_item_sk AND sr_ticket_number = ss_ticket_number
    JOIN refunded ON refunded.cs_item_sk = ss_item_sk
    JOIN date_dim AS d1 ON d1.d_date_sk = ss_sold_date_sk
    JOIN store ON s_store_sk = ss_store_sk
    JOIN customer ON c_customer_sk = ss_customer_sk
    JOIN date_dim AS d2 ON d2.d_date_sk = c_first_sales_date_sk
    JOIN date_dim AS d3 ON d3.d_date_sk = c_first_shipto_date_sk
    JOIN customer_demographics AS cd1 ON cd1.cd_demo_sk = ss_cdemo_sk
    JOIN customer_demographics AS cd2 ON cd2.cd_demo_sk = c_current_cdemo_sk
    JOIN promotion ON p_promo_sk = ss_promo_sk
    JOIN household_demographics AS hd1 ON hd1.hd_demo_sk = ss_hdemo_sk
    JOIN household_demographics AS hd2 ON hd2.hd_demo_sk = c_current_hdemo_sk
    JOIN customer_address AS ad1 ON ad1.ca_address_sk = ss_addr_sk
    JOIN customer_address AS ad2 ON ad2.ca_address_sk = c_current_addr_sk
    JOIN income_band AS ib1 ON ib1.ib_income_band_sk = hd1.hd_income_band_sk
    JOIN income_band AS ib2 ON ib2.ib_income_band_sk = hd2.hd_income_band_sk
    JOIN item ON i_item_sk = ss_item_sk
    WHERE cd1.cd_marital_status <> cd2.cd_marital_status
        AND i_color IN ('orange', 'lace', 'lawn', 'misty', 'blush', 'pink')
        AND i_current_price BETWEEN 48 AND 48 + 10
    GROUP BY
        i_product_name,
        i_item_sk,
        s_store_name,
        s_zip,
        ad1.ca_street_number,
        ad1.ca_street_name,
        ad1.ca_city,
        ad1.ca_zip,
        ad2.ca_street_number,
        ad2.ca_street_name,
        ad2.ca_city,
        ad2.ca_zip,
        d1.d_year,
        d2.d_year,
        d3.d_year
)
SELECT
    one.product_name,
    one.store_name,
    one.store_zip,
    one.bought_number,
    one.bought_street,
    one.bought_city,
    one.bought_zip,
    one.home_number,
    one.home_street,
    one.home_city,
    one.home_zip,
    one.sold_year,
    one.times,
    one.cost AS cost,
    one.price AS price,
    one.coupons AS coupons,
    two.cost AS later_cost,
    two.price AS later_price,
    two.coupons AS later_coupons,
    two.sold_year AS later_year,
    two.times AS later_times
FROM across AS one
JOIN across AS two ON two.item_key = one.item_key AND two.store_name = one.store_name AND two.store_zip = one.store_zip
WHERE one.sold_year = 1999 AND two.sold_year = 1999 + 1 AND two.times <= one.times
ORDER BY one.product_name, one.store_name, later_times, cost, later_cost;
