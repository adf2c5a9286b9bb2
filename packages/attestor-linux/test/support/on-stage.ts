import { Attesting } from './attesting.js';
import { Stage } from './stage.js';

/** Hooks of a suite: for each of its tests a stage, and an attestor, that no other has seen. */
export function onStage(use: (stage: Stage, attesting: Attesting) => void): void {
  let stage: Stage;
  let attesting: Attesting;
  beforeEach(async () => {
    stage = await Stage.open();
    attesting = new Attesting();
    use(stage, attesting);
  });
  afterEach(async () => {
    await attesting.close();
    await stage.close();
  });
}
