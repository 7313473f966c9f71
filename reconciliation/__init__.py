"""Reading statements, matching them with the book and naming the breaks: pure."""
