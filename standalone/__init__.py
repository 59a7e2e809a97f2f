"""How Sameroom starts and stops: `manage.py run`, in one process or in several."""
