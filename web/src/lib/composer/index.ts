export { COMMANDS, firstWord, INPUT_MAX, parseInput, type CommandName, type Input } from './commands';
export { applyCompletion, complete, type Candidate, type Completion } from './completion';
export { InputHistory } from './history';
