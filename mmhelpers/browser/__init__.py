"""What runs inside a page: Python in the reader's browser, where every imported package is a download.

`laboratory` simulates Type I error rates with NumPy and SciPy alone. `page` runs an exercise's cell with what the page's own
cells define. The pages themselves (a worker, a form, an editor) are in the book's `_static/python`.
"""
