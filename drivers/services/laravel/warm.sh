#!/bin/sh
# Framework caches need the environment, so they are made when a container starts.
php artisan optimize --no-interaction --no-ansi >&2 || exit 1
