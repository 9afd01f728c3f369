#!/bin/sh
# Framework caches need the environment, so they are made when a container starts. The cached configuration holds every secret of
# it: nobody but the application's own user may read it.
(umask 077 && php artisan optimize --no-interaction --no-ansi >&2) || exit 1
