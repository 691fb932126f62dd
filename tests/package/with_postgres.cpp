// Runs a command beside a PostgreSQL of its own, which ends with it: with_postgres VARIABLE COMMAND WORDS...
// The variable of the environment tells the command where the server is. Ends as the command does.
#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/db/postgres_cluster.hpp"

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const auto server = troupe::test::postgres_node::make();
  if (!server) {
    std::fprintf(stderr, "PostgreSQL is not installed\n");
    return 1;
  }
  server->start();
  ::setenv(argv[1], server->dsn().c_str(), 1);
  const auto child = ::fork();
  if (child == 0) {
    ::execvp(argv[2], argv + 2);
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
