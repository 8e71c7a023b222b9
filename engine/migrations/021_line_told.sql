-- What a `numbers` command tells its lane, beside the places: there from the draw until the lane has it,
-- because looking up thousands of tickets all over their table takes longer than numbering them.
ALTER TABLE sale.line_numbers ADD COLUMN keys text[];
ALTER TABLE sale.line_numbers ADD COLUMN shoppers text[];
