// A program that a test starts, talks to, and ends by its pid.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

namespace callcache::test
{

class child
{
public:
    struct wishes
    {
        std::vector<std::string> environment;  // "NAME=value", beside PATH
        std::string folder;                    // to run in; empty: this one
        uid_t uid = 0;                         // to run as; 0: as the test does
        bool is_unheard = false;               // the pipe is full before it starts: its first word finds no room
    };

    // Output of both kinds goes into one pipe.
    child(const std::string& program, const std::vector<std::string>& arguments, const wishes&);
    child(const std::string& program, const std::vector<std::string>& arguments) : child(program, arguments, wishes())
    {}
    ~child();  // SIGKILL, if it still runs
    child(const child&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number);

    // Waits for its end: the exit code, or 128 + the signal's number. -1 if it does not end in time.
    int wait(std::chrono::milliseconds at_most = std::chrono::seconds(30));

    // The same, but what it says meanwhile stays in the pipe, and waits for room once that is full.
    int wait_without_reading(std::chrono::milliseconds at_most);

    // Reads its output until `text` is in it. False if it ends, or time is up, before that.
    bool says(const std::string& text, std::chrono::milliseconds at_most = std::chrono::seconds(20));

    // All that it has said so far; after wait(), all.
    const std::string& output();

private:
    bool read_some(int milliseconds);
    bool has_ended();
    int wait(std::chrono::milliseconds at_most, bool reads);

    pid_t pid_ = -1;
    int pipe_ = -1;
    int status_ = -1;
    std::string output_;
};

// The result of a program that ends by itself.
struct finished
{
    int code;
    std::string output;
};
finished run(const std::string& program, const std::vector<std::string>& arguments, const child::wishes& = {});

}  // namespace callcache::test
