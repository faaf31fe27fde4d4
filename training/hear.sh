. /work/tmp/s6/env.sh
taskset -c $2 python robustness.py $S/robust8 --shard $1/2
