WITH returned AS (
    SELECT wr_returning_customer_sk AS customer_key, ca_state AS state, SUM(wr_return_amt) AS amount
    FROM web_returns
    JOIN date_dim ON d_date_sk = wr_returned_date_sk
    JOIN customer_address ON ca_address_sk = wr_returning_addr_sk
    WHERE d_year = 2000
    GROUP BY wr_returning_customer_sk, ca_state
)
SELECT
    c_customer_id,
    c_salutation,
    c_first_name,
    c_last_name,
    c_preferred_cust_flag,
    c_birth_day,
    c_birth_month,
    c_birth_year,
    c_birth_country,
    c_login,
    c_email_address,
    c_last_review_date_sk,
    mine.amount
FROM returned AS mine
JOIN customer ON c_customer_sk = mine.customer_key
JOIN customer_address ON ca_address_sk = c_current_addr_sk
WHERE ca_state = 'AR'
    AND mine.amount > (SELECT AVG(peers.amount) * 1.2 FROM returned AS peers WHERE peers.state = mine.state)
ORDER BY c_customer_id, c_last_name, c_first_name, mine.amount
LIMIT 100;
