WITH returned AS (
    SELECT sr_customer_sk AS customer, sr_store_sk AS store_key, SUM(sr_return_amt) AS amount
    FROM store_returns
    JOIN date_dim ON d_date_sk = sr_returned_date_sk
    WHERE d_year = 2001
    GROUP BY sr_customer_sk, sr_store_sk
)
SELECT c_customer_id
FROM returned AS mine
JOIN store ON s_store_sk = mine.store_key
JOIN customer ON c_customer_sk = mine.customer
WHERE s_state = 'AL'
    AND mine.amount > (SELECT 1.2 * AVG(amount) FROM returned AS peers WHERE peers.store_key = mine.store_key)
ORDER BY c_customer_id
LIMIT 100;
