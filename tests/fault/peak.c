/*
 * peak FILE COMMAND... - run COMMAND, write to FILE how much memory it used at
 * most (KiB), and end as it did
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage used;
	FILE *to;
	pid_t child;
	int status;

	if (argc < 3)
		return 2;
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 ||
	    getrusage(RUSAGE_CHILDREN, &used) < 0)
		return 1;
	to = fopen(argv[1], "w");
	if (to == NULL || fprintf(to, "%ld\n", used.ru_maxrss) < 0 ||
	    fclose(to) != 0)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
