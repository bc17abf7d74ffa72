// SPDX-License-Identifier: Apache-2.0
#include "tests/apps/program_run.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "tests/io/temporary_directory.h"

namespace marlin::test {
namespace {

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void redirect(const std::filesystem::path& path, int flags, int target) {
  const int file = open(path.c_str(), flags, 0600);
  if (file < 0 || dup2(file, target) < 0) _exit(127);
}

}  // namespace

ProgramRun run_program(const std::vector<std::string>& arguments, const std::string& input,
                       const std::vector<EnvironmentVariable>& environment) {
  const TemporaryDirectory directory;
  directory.write("in", input);
  std::vector<char*> argv{const_cast<char*>(MARLIN_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  MARLIN_CHECK(child >= 0);
  if (child == 0) {
    redirect(directory.path() / "in", O_RDONLY, STDIN_FILENO);
    redirect(directory.path() / "out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(directory.path() / "error", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    execv(MARLIN_PROGRAM, argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_all(directory.path() / "out"),
          read_all(directory.path() / "error")};
}

}  // namespace marlin::test
