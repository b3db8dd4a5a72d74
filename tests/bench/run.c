/*
 * run - run a command several times and tell what it took
 *
 * run [-n TIMES] [-i FILE] [-o FILE] COMMAND [ARG...]
 *
 * Standard input and output of the command are FILE (default /dev/null).
 * Prints one line of numbers: the medians of wall clock and of CPU time (user
 * and system) in microseconds, the largest peak of resident memory in KiB, then
 * the least wall clock and the least CPU time, and the median of the CPU time
 * that the command took itself, without its children (0 where there is no
 * /proc).  Ends with the command's status as soon as it is not 0; 126 if it was
 * killed.
 *
 * A child's peak starts at its parent's size at exec (Linux), which is why this
 * is a small C program.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { TIMES_MAX = 1000 };

struct files {
	const char *in, *out;
};

static void
redirect(int fd, const char *path, int flags)
{
	int file = open(path, flags, 0666);

	if (file < 0 || dup2(file, fd) < 0)
		bench_die(path);
	close(file);
}

static _Noreturn void
become(char **command, const struct files *f)
{
	redirect(STDIN_FILENO, f->in, O_RDONLY);
	redirect(STDOUT_FILENO, f->out, O_WRONLY | O_CREAT | O_TRUNC);
	execvp(command[0], command);
	bench_die(command[0]);
}

static uint64_t
micros(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* Without those of its children.  It has exited and is still to be waited for. */
static uint64_t
own_cpu_us(pid_t pid)
{
	unsigned long long user = 0, kernel = 0;
	char path[64], text[1024], *rest;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	/* The name may hold blanks and brackets; behind it come the fields. */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1,
			    "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			    "%llu %llu",
			    &user, &kernel) != 2)
		return 0;
	return (user + kernel) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* One run.  Returns the exit status. */
static int
run_once(char **command, const struct files *f, uint64_t *wall_us,
	 uint64_t *own_us, struct rusage *usage)
{
	uint64_t start = bench_now_us();
	pid_t pid = fork();
	siginfo_t info;
	int status;

	if (pid < 0)
		bench_die("fork");
	if (pid == 0)
		become(command, f);
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		bench_die("waitid");
	*own_us = own_cpu_us(pid);
	if (wait4(pid, &status, 0, usage) < 0)
		bench_die("wait4");
	*wall_us = bench_now_us() - start;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static int
run_times(char **command, const struct files *f, size_t times)
{
	static uint64_t wall[TIMES_MAX], cpu[TIMES_MAX], own[TIMES_MAX];
	uint64_t rss = 0;

	for (size_t i = 0; i < times; i++) {
		struct rusage usage;
		int status = run_once(command, f, &wall[i], &own[i], &usage);

		if (status != 0)
			return status;
		cpu[i] = micros(usage.ru_utime) + micros(usage.ru_stime);
		if ((uint64_t)usage.ru_maxrss > rss)
			rss = (uint64_t)usage.ru_maxrss;
	}
	qsort(wall, times, sizeof *wall, bench_compare_u64);
	qsort(cpu, times, sizeof *cpu, bench_compare_u64);
	qsort(own, times, sizeof *own, bench_compare_u64);
	printf("%llu %llu %llu %llu %llu %llu\n",
	       (unsigned long long)wall[times / 2],
	       (unsigned long long)cpu[times / 2], (unsigned long long)rss,
	       (unsigned long long)wall[0], (unsigned long long)cpu[0],
	       (unsigned long long)own[times / 2]);
	return 0;
}

int
main(int argc, char **argv)
{
	struct files f = { .in = "/dev/null", .out = "/dev/null" };
	size_t times = 1;
	int c;

	while ((c = getopt(argc, argv, "+n:i:o:")) != -1) {
		if (c == 'n')
			times = strtoul(optarg, NULL, 10);
		else if (c == 'i')
			f.in = optarg;
		else if (c == 'o')
			f.out = optarg;
		else
			return 2;
	}
	if (optind == argc || times == 0 || times > TIMES_MAX) {
		fputs("usage: run [-n TIMES] [-i FILE] [-o FILE] COMMAND "
		      "[ARG...]\n",
		      stderr);
		return 2;
	}
	return run_times(argv + optind, &f, times);
}
