SELECT
    i_item_id,
    i_item_desc,
    s_state,
    COUNT(ss_quantity) AS sold_count,
    AVG(ss_quantity) AS sold_mean,
    STDDEV_SAMP(ss_quantity) AS sold_deviation,
    STDDEV_SAMP(ss_quantity) / AVG(ss_quantity) AS sold_variation,
    COUNT(sr_return_quantity) AS returned_count,
    AVG(sr_return_quantity) AS returned_mean,
    STDDEV_SAMP(sr_return_quantity) AS returned_deviation,
    STDDEV_SAMP(sr_return_quantity) / AVG(sr_return_quantity) AS returned_variation,
    COUNT(cs_quantity) AS catalog_count,
    AVG(cs_quantity) AS catalog_mean,
    STDDEV_SAMP(cs_quantity) / AVG(cs_quantity) AS catalog_variation
FROM store_sales
JOIN store_returns
    ON sr_customer_sk = ss_customer_sk AND sr_item_sk = ss_item_sk AND sr_ticket_number = ss_ticket_number
JOIN catalog_sales ON cs_bill_customer_sk = sr_customer_sk AND cs_item_sk = sr_item_sk
JOIN date_dim AS sold_on ON sold_on.d_date_sk = ss_sold_date_sk
JOIN date_dim AS returned_on ON returned_on.d_date_sk = sr_returned_date_sk
JOIN date_dim AS ordered_on ON ordered_on.d_date_sk = cs_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE sold_on.d_quarter_name = '1999Q1'
    AND returned_on.d_quarter_name IN ('1999Q1', '1999Q2', '1999Q3')
    AND ordered_on.d_quarter_name IN ('1999Q1', '1999Q2', '1999Q3')
GROUP BY i_item_id, i_item_desc, s_state
ORDER BY i_item_id, i_item_desc, s_state
LIMIT 100;
