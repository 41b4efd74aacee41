SELECT *
FROM (
    SELECT AVG(ss_list_price) AS mean1, COUNT(ss_list_price) AS count1, COUNT(DISTINCT ss_list_price) AS distinct1
    FROM store_sales
    WHERE ss_quantity BETWEEN 0 AND 5
        AND (ss_list_price BETWEEN 18 AND 28 OR ss_coupon_amt BETWEEN 1939 AND 2939 OR ss_wholesale_cost BETWEEN 34 AND 54)
) AS b1
CROSS JOIN (
    SELECT AVG(ss_list_price) AS mean2, COUNT(ss_list_price) AS count2, COUNT(DISTINCT ss_list_price) AS distinct2
    FROM store_sales
    WHERE ss_quantity BETWEEN 6 AND 10
        AND (ss_list_price BETWEEN 1 AND 11 OR ss_coupon_amt BETWEEN 35 AND 1035 OR ss_wholesale_cost BETWEEN 50 AND 70)
) AS b2
CROSS JOIN (
    SELECT AVG(ss_list_price) AS mean3, COUNT(ss_list_price) AS count3, COUNT(DISTINCT ss_list_price) AS distinct3
    FROM store_sales
    WHERE ss_quantity BETWEEN 11 AND 15
        AND (ss_list_price BETWEEN 91 AND 101 OR ss_coupon_amt BETWEEN 1412 AND 2412 OR ss_wholesale_cost BETWEEN 17 AND 37)
) AS b3
CROSS JOIN (
    SELECT AVG(ss_list_price) AS mean4, COUNT(ss_list_price) AS count4, COUNT(DISTINCT ss_list_price) AS distinct4
    FROM store_sales
    WHERE ss_quantity BETWEEN 16 AND 20
        AND (ss_list_price BETWEEN 9 AND 19 OR ss_coupon_amt BETWEEN 5270 AND 6270 OR ss_wholesale_cost BETWEEN 29 AND 49)
) AS b4
CROSS JOIN (
    SELECT AVG(ss_list_price) AS mean5, COUNT(ss_list_price) AS count5, COUNT(DISTINCT ss_list_price) AS distinct5
    FROM store_sales
    WHERE ss_quantity BETWEEN 21 AND 25
        AND (ss_list_price BETWEEN 45 AND 55 OR ss_coupon_amt BETWEEN 826 AND 1826 OR ss_wholesale_cost BETWEEN 5 AND 25)
) AS b5
CROSS JOIN (
    SELECT AVG(ss_list_price) AS mean6, COUNT(ss_list_price) AS count6, COUNT(DISTINCT ss_list_price) AS distinct6
    FROM store_sales
    WHERE ss_quantity BETWEEN 26 AND 30
        AND (ss_list_price BETWEEN 174 AND 184 OR ss_coupon_amt BETWEEN 5548 AND 6548 OR ss_wholesale_cost BETWEEN 42 AND 62)
) AS b6
LIMIT 100;
