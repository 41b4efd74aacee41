SELECT DISTINCT i_product_name
FROM item AS i1
WHERE i_manufact_id BETWEEN 704 AND 704 + 40
    AND (
        SELECT COUNT(*)
        FROM item
        WHERE i_manufact = i1.i_manufact
            AND (
                (
                    i_category = 'Women'
                    AND i_color IN ('forest', 'lime', 'navy', 'slate')
                    AND i_units IN ('Pallet', 'Pound', 'Gross', 'Tsp')
                    AND i_size IN ('economy', 'small')
                )
                OR (
                    i_category = 'Men'
                    AND i_color IN ('powder', 'sky', 'maroon', 'smoke')
                    AND i_units IN ('Case', 'Ton', 'Dozen', 'Unknown')
                    AND i_size IN ('extra large', 'petite')
                )
            )
    ) > 0
ORDER BY i_product_name
LIMIT 100;
