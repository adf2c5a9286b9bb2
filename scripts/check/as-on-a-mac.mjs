// Loaded with `--import`: this process says from now on that it runs on macOS. koffi comes first, since it looks for its own
// library by the platform. Enough to collect the tests, which must not ask the system anything before a test runs.
import 'koffi';

Object.defineProperty(process, 'platform', { value: 'darwin' });
