-- Sales whose lane has refused to close them, as a frozen one does: the opener asks again.
CREATE INDEX sales_unclosed ON sale.sales(id)
  WHERE close_requested AND state IN ('scheduled', 'live', 'paused');
