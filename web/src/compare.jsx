import { Empty, Heading } from './parts.jsx';
export const CompareView = ({ view }) => <><Heading>{view.index.title}</Heading><Empty>…</Empty></>;
