/** Work on the newest request only: one at a time, and those that came in between are dropped. */
export class Newest<Request> {
  private next: { request: Request } | null = null;
  private busy = false;

  /** @param work Must not fail. */
  constructor(private readonly work: (request: Request) => Promise<void>) {}

  ask(request: Request): void {
    this.next = { request };
    if (!this.busy) void this.run();
  }

  /** Whether a newer request waits, so that the result of this one will not be seen for long. */
  get outdated(): boolean {
    return this.next !== null;
  }

  private async run(): Promise<void> {
    this.busy = true;
    while (this.next !== null) {
      const { request } = this.next;
      this.next = null;
      await this.work(request);
    }
    this.busy = false;
  }
}
