// A switch between network namespaces with a rate and a delay, for kernels without tc's netem.
//
//   relay RATE_BITS_PER_S DELAY_NS NAME...
//
// Makes a TAP device eth0 in each namespace NAME, says "ready", and passes frames on: a machine's
// frames leave one after another at its rate, and arrive a delay later. Frames to everybody go to
// everybody; others go where their MAC address was last seen.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16, SLOTS = 1 << 13, FRAME = 9216 };

struct queue {  // of frames to one machine, in the order in which they arrive
  int64_t due[SLOTS];
  int length[SLOTS];
  unsigned char (*data)[FRAME];
  unsigned head, tail;
};

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int tap_in(const char* name) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", name);
  int space = open(path, O_RDONLY), fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {0};
  strcpy(request.ifr_name, "eth0");
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  // The device belongs to the namespace in which the file was opened.
  close(fd);
  if (space < 0 || setns(space, CLONE_NEWNET)) { perror(path); exit(1); }
  fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) { perror("tun"); exit(1); }
  close(space);
  return fd;
}

int main(int argc, char** argv) {
  double ns_per_byte = 8e9 / atof(argv[1]);
  int64_t delay = atoll(argv[2]), leaves[MOST] = {0};
  int n = argc - 3;
  unsigned char seen[MOST][6] = {{0}}, frame[FRAME];
  static struct queue queues[MOST];
  struct pollfd files[MOST];
  for (int i = 0; i < n; i++) {
    files[i] = (struct pollfd){tap_in(argv[3 + i]), POLLIN, 0};
    queues[i].data = malloc((size_t)SLOTS * FRAME);
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    int64_t next = INT64_MAX, time = now();
    for (int i = 0; i < n; i++) {
      struct queue* q = &queues[i];
      while (q->head != q->tail && q->due[q->head % SLOTS] <= time) {
        unsigned at = q->head++ % SLOTS;
        if (write(files[i].fd, q->data[at], q->length[at]) < 0) continue;  // down: it is lost
      }
      if (q->head != q->tail && q->due[q->head % SLOTS] < next) next = q->due[q->head % SLOTS];
    }
    struct timespec wait = {1, 0};
    if (next != INT64_MAX) {
      int64_t left = next - now();
      wait = (struct timespec){0, left > 0 ? left : 0};
    }
    if (ppoll(files, n, &wait, NULL) <= 0) continue;
    time = now();
    for (int i = 0; i < n; i++) {
      if (!(files[i].revents & POLLIN)) continue;
      ssize_t length;
      while ((length = read(files[i].fd, frame, FRAME)) > 0) {
        memcpy(seen[i], frame + 6, 6);
        if (leaves[i] < time) leaves[i] = time;
        leaves[i] += (int64_t)(length * ns_per_byte);
        int known = 0;
        for (int j = 0; j < n; j++) known |= j != i && !memcmp(seen[j], frame, 6);
        for (int j = 0; j < n; j++) {
          if (j == i || (known && memcmp(seen[j], frame, 6))) continue;
          struct queue* q = &queues[j];
          if (q->tail - q->head == SLOTS) continue;  // full: it is lost
          unsigned at = q->tail++ % SLOTS;
          q->due[at] = leaves[i] + delay;
          q->length[at] = (int)length;
          memcpy(q->data[at], frame, length);
        }
      }
    }
  }
}
