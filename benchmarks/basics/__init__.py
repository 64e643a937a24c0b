"""Five small functions of torch, checked in each grader's own form, and ten submissions of them."""
