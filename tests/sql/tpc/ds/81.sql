WITH returned AS (
    SELECT cr_returning_customer_sk AS customer_key, ca_state AS state, SUM(cr_return_amt_inc_tax) AS amount
    FROM catalog_returns
    JOIN date_dim ON d_date_sk = cr_returned_date_sk
    JOIN customer_address ON ca_address_sk = cr_returning_addr_sk
    WHERE d_year = 1998
    GROUP BY cr_returning_customer_sk, ca_state
)
SELECT
    c_customer_id,
    c_salutation,
    c_first_name,
    c_last_name,
    ca_street_number,
    ca_street_name,
    ca_street_type,
    ca_suite_number,
    ca_city,
    ca_county,
    ca_state,
    ca_zip,
    ca_country,
    ca_gmt_offset,
    ca_location_type,
    amount
FROM returned AS mine, customer_address, customer
WHERE mine.amount > (SELECT AVG(amount) * 1.2 FROM returned AS peers WHERE mine.state = peers.state)
    AND ca_address_sk = c_current_addr_sk
    AND ca_state = 'TX'
    AND mine.customer_key = c_customer_sk
ORDER BY c_customer_id, c_salutation, c_first_name, c_last_name, ca_city, ca_zip, amount
LIMIT 100;
